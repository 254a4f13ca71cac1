"""What Retool connects to and why: the data file and the labels it gives."""

from tui.catalog.catalogue import CATEGORY_ORDER, CLOUD_METADATA, Catalogue, load_catalogue
from tui.catalog.service import Basis, CatalogueError, Service, decode_services

__all__ = [
    "CATEGORY_ORDER",
    "CLOUD_METADATA",
    "Basis",
    "Catalogue",
    "CatalogueError",
    "Service",
    "decode_services",
    "load_catalogue",
]
