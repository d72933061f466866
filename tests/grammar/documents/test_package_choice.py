"""Which file of a package is for which machine."""

import pytest

from ostler.grammar.documents.faults import DocumentFault
from ostler.grammar.documents.packages import Machine, file_for, platform_named

PACKAGES = {
    "debian": {
        "12": {"x86_64": {"file": "exact"}},
        "12.*": {"_any": {"file": "twelve"}},
        "_any": {"arm64": {"file": "arm"}},
    },
    "_any": {"*": {"_any": {"file": "any"}}},
}


@pytest.mark.parametrize(
    ("machine", "file"),
    [
        (Machine("debian", "12", "x86_64"), "exact"),
        (Machine("debian", "12.5", "x86_64"), "twelve"),
        (Machine("debian", "11", "aarch64"), "arm"),
        (Machine("suse", "15", "x86_64"), "any"),
    ],
)
def test_the_most_exact_name_wins(machine: Machine, file: str) -> None:
    assert file == file_for({"packages": PACKAGES}, machine)


def test_a_machine_that_nothing_is_for_is_told() -> None:
    machine = Machine("debian", "11", "x86_64")
    with pytest.raises(DocumentFault, match="no file for debian 11 on x86_64"):
        file_for({"packages": PACKAGES}, machine)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("Debian GNU/Linux", "debian"),
        ("Amazon Linux", "amazon"),
        ("Red Hat Enterprise Linux", "redhat"),
        ("SLES", "suse"),
        ("Unheard-of", "unheard-of"),
    ],
)
def test_distributions_are_called_as_manifests_call_them(name: str, short: str) -> None:
    assert short == platform_named(name)
