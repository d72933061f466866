"""Packages as nodes ask for them."""

import pytest

from ostler.capabilities.documents.errors import ResourceNotFoundException

RESULT = {
    "PackageName": "tool",
    "PackageVersion": "1.0.0",
    "Operation": "Install",
    "OverallTiming": 1,
    "Result": 0,
}


async def test_no_package_is_published_but_as_a_document(customer):
    """The stock agent looks for this very code, and goes on with GetDocument."""
    with pytest.raises(ResourceNotFoundException):
        await customer.ask("GetManifest", PackageName="tool", PackageVersion="latest")


async def test_only_a_node_tells_what_came_of_a_package(customer):
    with pytest.raises(ResourceNotFoundException):
        await customer.ask("PutConfigurePackageResult", **RESULT)
