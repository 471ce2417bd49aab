"""What /openapi.json shows of the calls."""

from __future__ import annotations

from typing import Any

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
                            "description": "one name a row; I II III aVR aVL aVF V1–V6",
                        },
                        "unit": {"type": "string", "enum": ["mV", "uV"], "description": "told by the size where it is not given"},
                        "shape": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
                    },
                },
                "examples": {
                    "nested": {
                        "summary": "nested lists, twelve leads in their order",
                        "value": {"signal": [[0.01, 0.02]], "fs": 500},
                    },
                    "base64": {
                        "summary": "base64 of float32, leads by name",
                        "value": {"signal": "AAAAAA==", "shape": [1, 1], "leads": ["I"], "unit": "mV", "fs": 500},
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
    "model": {"name": "twelve", "version": "1.0", "sha256": "…"},
    "labels": {"Poor data quality": None, "Sinus rhythm": 0.97, "Atrial fibrillation": 0.01},
    "clinical": [{"label": "Sinus rhythm", "group": "Rhythm", "probability": 0.97, "basis": "same", "from": ["rhythm:SR"]}],
    "statements": {"super:NORM": 0.95, "super:MI": 0.02},
    "quality": {"readable": True, "leads": {}},
    "windows": 1,
    "notes": [],
    "notice": "Research software: …",
}
SALIENCY = {
    "model": {"name": "twelve", "version": "1.0", "sha256": "…"},
    "saliency": [{"label": "super:MI", "probability": 0.92, "step_seconds": 1.0, "leads": {"I": [0.02, 0.1], "II": [0.4, 1.0]}}],
    "quality": {"readable": True, "leads": {}},
    "notes": [],
    "notice": "Research software: …",
}
FEATURES = {"model": {"name": "twelve", "version": "1.0", "sha256": "…"}, "features": {"values": [0.12, 0.0], "dimension": 896}}


def answer(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The 200 of a call with its example, and what can go wrong."""
    return {
        200: {"content": {"application/json": {"example": example}}},
        400: {"description": "not a recording: problem details with a fault code"},
        422: {"description": "a recording the model cannot take, a lead missing for example"},
        429: {"description": "too many recordings wait"},
        503: {"description": "inference is not available; a retry can help"},
    }
