"""Digests are those of the published algorithms, and one module makes them all."""

import io
from pathlib import Path

import cifarkit
from cifarkit.digests import blocks, digest, json_digest

ABC_SHA256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4
ABC_BLAKE2B = "cf4ab791c62b8d2b2109c90275287816"  # printf abc | b2sum --length=128
ABC_MD5 = "900150983cd24fb0d6963f7d28e17f72"  # RFC 1321


def test_known_digests_however_the_content_is_cut() -> None:
    for parts in ([b"abc"], [b"a", b"", b"bc"], blocks(io.BytesIO(b"abc"))):
        assert digest(parts) == ABC_SHA256
    assert digest([b"abc"], "blake2b") == ABC_BLAKE2B
    assert digest([b"abc"], "md5") == ABC_MD5
    assert digest([memoryview(b"abc")]) == ABC_SHA256


def test_a_json_digest_depends_on_values_alone() -> None:
    assert json_digest({"a": 1, "b": [2]}) == json_digest({"b": [2], "a": 1})
    # printf '{"a":1,"b":[2]}' | sha256sum
    assert json_digest({"a": 1, "b": [2]}, 12) == digest([b'{"a":1,"b":[2]}'])[:12]


def test_no_other_module_makes_digests() -> None:
    package = Path(cifarkit.__file__).parent
    users = [path.name for path in package.rglob("*.py") if "hashlib" in path.read_text()]
    assert users == ["digests.py"]
