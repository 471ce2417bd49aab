"""What /openapi.json shows of the calls."""

from __future__ import annotations

from typing import Any

from inference.api.example_ecg import RATE, encoded, twelve

TWELVE = twelve()
ONE = TWELVE[0]
SIGNAL: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["signal"],
                    "properties": {
                        "signal": {
                            "description": "[leads][samples], or flat with `shape`, or base64 of little-endian float32 with `shape`",
                            "oneOf": [
                                {"type": "array", "items": {"type": "array", "items": {"type": "number"}}, "maxItems": 64},
                                {"type": "array", "items": {"type": "number"}},
                                {"type": "string", "format": "byte"},
                            ],
                        },
                        "fs": {"type": "number", "default": 500, "minimum": 50, "maximum": 5000, "description": "Hz"},
                        "leads": {
                            "type": "array",
                            "items": {"type": "string"},
                            "description": "one name a row, in any order; left out: I II III aVR aVL aVF V1–V6, or lead I alone",
                        },
                        "unit": {"type": "string", "enum": ["mV", "uV"], "description": "told by the size where it is not given"},
                        "shape": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
                    },
                },
                "examples": {
                    "nested": {
                        "summary": "nested lists, twelve leads in their order",
                        "value": {"signal": TWELVE, "fs": RATE, "unit": "mV"},
                    },
                    "flat": {
                        "summary": "one flat list with its shape, lead I alone",
                        "value": {"signal": ONE, "shape": [1, len(ONE)], "fs": RATE, "unit": "mV"},
                    },
                    "base64": {
                        "summary": "base64 of little-endian float32, leads by name",
                        "value": {"signal": encoded(ONE), "shape": [1, len(ONE)], "leads": ["I"], "fs": RATE, "unit": "mV"},
                    },
                },
            }
        },
    }
}
LABEL: dict[str, Any] = {
    "parameters": [
        {
            "name": "label",
            "in": "query",
            "description": "a label to explain, repeated for more; without it the top findings are explained",
            "schema": {"type": "array", "items": {"type": "string"}, "maxItems": 8},
        }
    ]
}
FILE: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
            }
        },
    }
}
CLINICAL = {
    "model": {"name": "twelve", "version": "1.1", "sha256": "…"},
    "labels": {"Poor data quality": None, "Sinus rhythm": 0.97, "Atrial fibrillation": 0.01},
    "clinical": [{"label": "Sinus rhythm", "group": "Rhythm", "probability": 0.97, "basis": "same", "from": ["rhythm:SR"]}],
    "statements": {"super:NORM": 0.95, "super:MI": 0.02},
    "quality": {"readable": True, "leads": {}},
    "windows": 1,
    "notes": [],
    "notice": "Research software: …",
}
SALIENCY = {
    "model": {"name": "twelve", "version": "1.1", "sha256": "…"},
    "saliency": [{"label": "super:MI", "probability": 0.92, "step_seconds": 1.0, "leads": {"I": [0.02, 0.1], "II": [0.4, 1.0]}}],
    "quality": {"readable": True, "leads": {}},
    "notes": [],
    "notice": "Research software: …",
}
FEATURES = {"model": {"name": "twelve", "version": "1.1", "sha256": "…"}, "features": {"values": [0.12, 0.0], "dimension": 1024}}


REPORT = {
    "resourceType": "DiagnosticReport",
    "status": "preliminary",
    "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0074", "code": "EC"}]}],
    "conclusion": "normal ECG (NORM), probability 0.96. Research software: …",
    "result": [{"reference": "#p1"}],
    "contained": [{"resourceType": "Observation", "id": "p1", "valueQuantity": {"value": 0.96, "unit": "probability"}}],
}
PROBLEM = {
    "type": "urn:isthmus:fault:E822",
    "title": "the recording is too short or too long",
    "status": 400,
    "kind": "incorrect",
    "code": "E822",
    "text": "the recording is too short or too long",
    "at": "signal",
    "help": "2.5 to 600 s",
}


def answer(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The 200 of a call with its example, and what can go wrong."""
    return {
        200: {"content": {"application/json": {"example": example}}},
        400: {
            "description": "not a recording: problem details with a fault code, its place and help",
            "content": {"application/problem+json": {"example": PROBLEM}},
        },
        413: {"description": "larger than this server takes"},
        422: {"description": "a recording the model cannot take, a lead missing for example"},
        429: {"description": "too many recordings wait"},
        503: {"description": "inference is not available; a retry can help"},
    }
