"""Job documents: a plan spelt out in the tree that its job type has, as revision 1.3-rev2 writes it."""

from vbr_audit.simulator.documents.maker import document_of

__all__ = ["document_of"]
