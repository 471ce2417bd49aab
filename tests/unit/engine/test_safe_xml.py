"""The hardened parser against what documents do to parsers."""

from __future__ import annotations

import socket
import time

import pytest

from engine import safe_xml
from engine.fault import Fault
from engine.safe_xml import Limits


def code(body: bytes, **options: object) -> str:
    found = safe_xml.parse(body, **options)  # type: ignore[arg-type]
    return found.code if isinstance(found, Fault) else "read"


@pytest.fixture
def listener() -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        yield server  # type: ignore[misc]


@pytest.mark.parametrize(
    "declaration",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "http://127.0.0.1:{port}/x">]>',
        '<!DOCTYPE a [<!ENTITY % p SYSTEM "http://127.0.0.1:{port}/x"> %p;]>',
        '<!DOCTYPE a [<!ENTITY x SYSTEM "php://filter/read=convert.base64-encode/resource=/etc/passwd">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:{port}/x.dtd">',
        '<!DOCTYPE a PUBLIC "-//X//Y" "http://127.0.0.1:{port}/x.dtd">',
    ],
)
def test_a_document_type_is_refused_and_nothing_is_fetched(declaration: str, listener: socket.socket) -> None:
    body = (declaration.replace("{port}", str(listener.getsockname()[1])) + "<a>&x;</a>").encode()
    assert code(body) == "E192"
    assert code(body.decode().encode("utf-16")) == "E192"
    with pytest.raises(TimeoutError):
        listener.accept()


@pytest.mark.parametrize(
    "body",
    [
        '<a xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include href="http://127.0.0.1:{port}/x"/></a>',
        '<?xml-stylesheet href="http://127.0.0.1:{port}/x"?><a/>',
        '<a xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="u http://127.0.0.1:{port}/x"/>',
    ],
)
def test_what_points_elsewhere_is_read_and_not_followed(body: str, listener: socket.socket) -> None:
    assert code(body.replace("{port}", str(listener.getsockname()[1])).encode()) == "read"
    with pytest.raises(TimeoutError):
        listener.accept()


def test_a_billion_laughs_and_a_quadratic_blow_up_are_refused_at_once() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bodies = [
        f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]><a>&l9;</a>',
        f'<!DOCTYPE a [<!ENTITY q "{"q" * 50_000}">]><a>{"&q;" * 50_000}</a>',
    ]
    for body in bodies:
        began = time.perf_counter()
        assert code(body.encode()) == "E192"
        assert time.perf_counter() - began < 0.1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<a>" * 100_000, "E193"),
        (b"<a>" + b"<b/>" * 1_000_000 + b"</a>", "E193"),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(200_000)) + b"/>", "E193"),
        (b"<a " + b" ".join(b'a%d=""' % n for n in range(300)) + b"/>", "E193"),
        (b'<a b="' + b"x" * 5_000_000 + b'"/>', "E193"),
        (b"<a>" + b"x" * 20_000_000 + b"</a>", "read"),
        (b"<a>" + b"x" * 40_000_000 + b"</a>", "E191"),
        (b"<" * 5_000_000, "E193"),
        (b"<a>" + b"&" * 5_000_000, "E190"),
    ],
    ids=["deep", "wide", "attributes", "some attributes", "long attribute", "20 MB of text", "too long", "tags", "ampersands"],
)
def test_depth_width_attributes_and_size_have_limits(body: bytes, expected: str) -> None:
    began = time.perf_counter()
    assert code(body) == expected
    assert time.perf_counter() - began < 1


def test_a_named_harmless_document_type_is_cut_out_and_never_fetched() -> None:
    body = b'<?xml version="1.0"?>\n<!DOCTYPE RestingECG SYSTEM "restecg.dtd">\n<RestingECG>1</RestingECG>'
    assert code(body) == "E192"
    assert code(body, harmless=("restecg.dtd",)) == "read"
    assert code(body.replace(b'dtd">', b'dtd" [<!ENTITY x "y">]>'), harmless=("restecg.dtd",)) == "E192"
    assert code(body.replace(b"restecg.dtd", b"http://x/restecg.dtd"), harmless=("restecg.dtd",)) == "E192"
    assert code(body + b"<!DOCTYPE a [", harmless=("restecg.dtd",)) == "E192"


def test_a_comment_inside_a_value_leaves_the_value_whole() -> None:
    root = safe_xml.parse(b"<a>12<!-- -->3</a>")
    assert not isinstance(root, Fault)
    assert root.text == "123"


@pytest.mark.parametrize("charset", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig", "latin-1"])
def test_character_sets_are_told_by_mark_or_declaration(charset: str) -> None:
    declared = {"utf-8-sig": "UTF-8", "latin-1": "ISO-8859-1"}.get(charset, "UTF-16")
    root = safe_xml.parse(f'<?xml version="1.0" encoding="{declared}"?><a>Käthe</a>'.encode(charset))
    assert not isinstance(root, Fault)
    assert root.text == "Käthe"


@pytest.mark.parametrize(
    ("declared", "charset", "name"),
    [("KOI8-R", "koi8_r", "Иванов"), ("ISO8859-5", "iso8859-5", "Иванов"), ("ISO8859-1", "latin-1", "Käthe"),
     ("TIS-620", "tis_620", "สมชาย"), ("utf-16", "utf-8", "Käthe"), ("UTF-16", "utf-8-sig", "Käthe"), ("UTF8", "utf-8", "Käthe")],
)  # fmt: skip
def test_less_usual_declarations_are_read_as_they_are_meant(declared: str, charset: str, name: str) -> None:
    root = safe_xml.parse(f'<?xml version="1.0" encoding="{declared}"?><a>{name}</a>'.encode(charset))
    assert not isinstance(root, Fault)
    assert root.text == name


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"PK\x03\x04",
        '<?xml version="1.0" encoding="UTF-16"?><a>Käthe</a>'.encode("latin-1"),
        b"<a>",
        b"<a></b>",
        '<?xml version="1.0" encoding="IBM037"?><a/>'.encode("cp037"),
        b'<?xml version="1.0" encoding="UTF-7"?>+ADw-a/+AD4-',
        b'<?xml version="1.0" encoding="EBCDIC-CP-US"?><a/>',
        b"\xff\xfe<\x00a",
        b"<a>\xff</a>",
        b"<a/><b/>",
    ],
)
def test_what_is_no_xml_gets_a_fault(body: bytes) -> None:
    assert code(body) == "E190"


def test_limits_are_the_callers() -> None:
    assert code(b"<a><b><c/></b></a>", limits=Limits(depth=2)) == "E193"
    assert code(b"<a>12345</a>", limits=Limits(size=5)) == "E191"
