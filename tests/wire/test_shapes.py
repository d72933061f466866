"""The generated types are those of the models."""

from tools import shapes


def test_the_tree_equals_what_the_generator_writes():
    """When this fails: `make shapes`."""
    found = {
        file.name: file.read_text("utf-8") for file in shapes.FOLDER.glob("*.py*") if file.is_file()
    }

    assert shapes.pages() == found
