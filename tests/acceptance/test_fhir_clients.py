"""Clients that others wrote, against a running engine: create, search, update, patch, history, transaction, subscription."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fhirpy import AsyncFHIRClient
from fhirpy.base.exceptions import ResourceNotFound

from fhir.build.definitions import cache
from tests.acceptance.running import Engine
from tests.integration.subscribe.subscribed import Endpoint, observation, subscription, wait_for

KIT = "fhir-kit-client@1.9.2"
URN = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"
ENTRIES: list[dict[str, Any]] = [
    {
        "fullUrl": URN,
        "resource": {"resourceType": "Patient", "name": [{"family": "Together"}]},
        "request": {"method": "POST", "url": "Patient"},
    },
    {
        "resource": {
            "resourceType": "Observation",
            "status": "final",
            "subject": {"reference": URN},
            "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        },
        "request": {"method": "POST", "url": "Observation"},
    },
]


def wanted(hook: Endpoint, name: str) -> dict[str, Any]:
    """A Subscription to results with a code of this name, put to a path of this name."""
    return subscription(f"{hook.url}/{name}", f"Observation?code={name}", payload="application/fhir+json")


def told(hook: Endpoint, name: str, id: str) -> None:
    """Waits until the endpoint was told of a resource, once."""
    wait_for(lambda: f"/{name}/Observation/{id}" in [one.path for one in hook.told])
    assert [one.path for one in hook.told if one.path.startswith(f"/{name}/")] == [f"/{name}/Observation/{id}"]
    assert next(one for one in hook.told if one.path.endswith(id)).json["id"] == id


def test_fhirpy_works_with_the_server(engine: Engine, hook: Endpoint) -> None:
    async def drive() -> None:
        client = AsyncFHIRClient(f"{engine.http}/fhir/R4")
        patient = client.resource("Patient", name=[{"family": "Fhirpy"}], identifier=[{"system": "urn:fhirpy", "value": "1"}])
        await patient.save()
        assert patient["meta"]["versionId"] == "1"
        patient["gender"] = "female"
        await patient.save()
        assert patient["meta"]["versionId"] == "2"
        await patient.patch(birthDate="1970-01-02")
        assert patient["birthDate"] == "1970-01-02"
        found = await client.resources("Patient").search(family="fhirpy").sort("-_lastUpdated").limit(1).fetch_all()
        assert [one.id for one in found] == [patient.id]
        assert await client.resources("Patient").search(identifier="urn:fhirpy|1").count() == 1
        again, made = (
            await client.resources("Patient")
            .search(identifier="urn:fhirpy|1")
            .get_or_create(client.resource("Patient", identifier=[{"system": "urn:fhirpy", "value": "1"}]))
        )
        assert (made, again.id) == (False, patient.id)
        history = await client.execute(f"Patient/{patient.id}/_history", "get")
        assert [entry["resource"]["meta"]["versionId"] for entry in history["entry"]] == ["3", "2", "1"]
        bundle = client.resource("Bundle", type="transaction", entry=ENTRIES)
        done = await client.execute("", "post", data=bundle.serialize())
        assert [entry["response"]["status"][:3] for entry in done["entry"]] == ["201", "201"]
        about = done["entry"][0]["resource"]["id"]
        found = await client.resources("Observation").search(subject=about).include("Observation", "subject").fetch_raw()
        assert {entry["resource"]["resourceType"] for entry in found["entry"]} == {"Observation", "Patient"}
        asked = client.resource(**{**wanted(hook, "fhirpy"), "resource_type": "Subscription"})
        await asked.save()
        await asked.refresh()
        assert asked["status"] == "active"
        result = client.resource(**{**observation("fhirpy"), "resource_type": "Observation"})
        await result.save()
        await asyncio.to_thread(told, hook, "fhirpy", str(result.id))
        asked["status"] = "off"
        await asked.save()
        await client.resource(**{**observation("fhirpy"), "resource_type": "Observation"}).save()
        await patient.delete()
        with pytest.raises(ResourceNotFound):
            await client.get("Patient", patient.id)

    asyncio.run(drive())


def test_fhirclient_works_with_the_server(engine: Engine, hook: Endpoint) -> None:
    from fhirclient import client
    from fhirclient.models.bundle import Bundle
    from fhirclient.models.observation import Observation
    from fhirclient.models.patient import Patient
    from fhirclient.models.subscription import Subscription

    smart = client.FHIRClient(settings={"app_id": "test", "api_base": f"{engine.http}/fhir/R4"})
    smart.prepare()
    patient = Patient({"resourceType": "Patient", "name": [{"family": "Smart"}]})
    made = patient.create(smart.server)
    assert made["id"]
    read = Patient.read(made["id"], smart.server)
    assert read.name[0].family == "Smart"
    read.gender = "female"
    assert read.update(smart.server)["gender"] == "female"
    path = f"{smart.server.base_uri}Patient/{made['id']}"  # it has no call that patches, so its session does
    patched = smart.server.session.patch(path, json={"birthDate": "1970-01-02"}, headers={"Content-Type": "application/json"})
    assert (patched.status_code, patched.json()["birthDate"]) == (200, "1970-01-02")
    found = Patient.where({"family": "smart"}).perform_resources_iter(smart.server)
    assert [one.id for one in found] == [made["id"]]
    done = smart.server.post_json("", {"resourceType": "Bundle", "type": "transaction", "entry": ENTRIES}).json()
    assert [entry["response"]["status"][:3] for entry in done["entry"]] == ["201", "201"]
    history = Bundle(smart.server.request_json(f"Patient/{made['id']}/_history"))
    assert history.total == 3
    asked = Subscription(wanted(hook, "fhirclient")).create(smart.server)
    assert Subscription.read(asked["id"], smart.server).status == "active"
    result = Observation(observation("fhirclient")).create(smart.server)
    told(hook, "fhirclient", result["id"])
    read.delete()


@pytest.fixture(scope="session")
def kit() -> Path:
    """The folder where fhir-kit-client lies; fetched once by npm."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        pytest.skip("npm and node are not installed")
    folder = cache() / KIT
    if not (folder / "node_modules" / "fhir-kit-client").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        try:
            command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), KIT]
            done = subprocess.run(command, capture_output=True, check=False, timeout=100)
        except subprocess.TimeoutExpired:
            pytest.skip("npm's registry does not answer")
        if done.returncode:
            pytest.skip("npm's registry does not have it")
    return folder


def test_fhir_kit_client_works_with_the_server(engine: Engine, kit: Path, hook: Endpoint) -> None:
    script = Path(__file__).parent / "clients" / "kit.js"
    done = subprocess.run(
        ["node", str(script), f"{engine.http}/fhir/R4", str(kit), hook.url],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    told(hook, "kit", seen.pop("told"))
    assert seen == {
        "fhirVersion": "4.0.1", "family": "Kit", "updated": ["female", "2"], "patched": "male", "found": [True], "posted": 1,
        "history": ["3", "2", "1"], "old": None, "transaction": ["201", "201"], "subscription": "active", "gone": 410,
    }  # fmt: skip
