"""The page: the sections it has, its data, its policy and where its numbers come from."""

from __future__ import annotations

import base64
import hashlib
import json
import re

from lmkit.reporting.report.markup import text
from lmkit.reporting.report.page import SCHEMA, origin, page
from tests.reporting import report_samples as samples


def test_sections_that_have_nothing_to_show_are_left_out() -> None:
    document = page(samples.single())
    sections = re.findall(r'<section id="(\w+)"', document)
    assert sections == ["ranking", "text", "zipf", "samples", "origin"]
    assert re.findall(r'<a href="#(\w+)">', document) == sections


def test_data_name_text_models_and_sections() -> None:
    material = samples.single()
    found = re.search(r'id="data">(.*?)</script>', page(material))
    assert found
    data = json.loads(found[1])
    assert data["schema"] == SCHEMA
    assert data["models"] == {"A": "bigram"}
    assert data["corpus"] == material.comparison.summary.to_dict()
    assert {"ranking", "text", "zipf", "samples"} <= set(data)
    assert "origin" not in data  # it has no data of its own


def test_policy_allows_just_the_style_and_the_script_of_the_page() -> None:
    document = page(samples.single())
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', document)
    assert policy
    assert "default-src 'none'" in policy[1]
    assert "unsafe" not in policy[1]
    for pattern in ("<style>(.*?)</style>", "<script>(.*?)</script>"):
        (content,) = re.findall(pattern, document, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy[1]


def test_origin_shows_command_digest_and_signatures_escaped() -> None:
    material = samples.material()
    body = origin(material).body
    assert text(samples.COMMAND) in body
    assert material.comparison.summary.sha256 in body
    for ledger in material.comparison.ledgers:
        assert text(ledger.signature) in body
    assert "<img" not in body
    assert "<pre" not in origin(samples.single()).body  # there was no command
