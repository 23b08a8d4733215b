"""The server as it is: HTTP, sign-in, pages. No pandas here."""

from vbr_audit.api.client import Answer, Client
from vbr_audit.api.paging import Page, PageReader
from vbr_audit.api.tls import Tls

__all__ = ["Answer", "Client", "Page", "PageReader", "Tls"]
