"""The numbers behind the charts and the front pages."""
