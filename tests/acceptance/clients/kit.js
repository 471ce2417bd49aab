// Drives a FHIR server with fhir-kit-client; prints one JSON line of what it saw. Usage: node kit.js BASE FOLDER_OF_NODE_MODULES ENDPOINT
const { createRequire } = require("module");
const path = require("path");
const Client = createRequire(path.join(process.argv[3], "x.js"))("fhir-kit-client");

async function main() {
  const fhir = new (Client.default || Client)({ baseUrl: process.argv[2] });
  const seen = {};
  const statement = await fhir.capabilityStatement();
  seen.fhirVersion = statement.fhirVersion;
  const made = await fhir.create({
    resourceType: "Patient",
    body: { resourceType: "Patient", name: [{ family: "Kit" }], identifier: [{ system: "urn:kit", value: "1" }] },
  });
  const read = await fhir.read({ resourceType: "Patient", id: made.id });
  seen.family = read.name[0].family;
  const changed = await fhir.update({ resourceType: "Patient", id: made.id, body: { ...read, gender: "female" } });
  seen.updated = [changed.gender, changed.meta.versionId];
  const patched = await fhir.patch({
    resourceType: "Patient",
    id: made.id,
    JSONPatch: [{ op: "replace", path: "/gender", value: "male" }],
  });
  seen.patched = patched.gender;
  const found = await fhir.search({ resourceType: "Patient", searchParams: { identifier: "urn:kit|1", _count: 1 } });
  seen.found = found.entry.map((entry) => entry.resource.id === made.id);
  const posted = await fhir.search({
    resourceType: "Patient", searchParams: { family: "kit" }, options: { postSearch: true },
  });
  seen.posted = posted.entry.length;
  const history = await fhir.resourceHistory({ resourceType: "Patient", id: made.id });
  seen.history = history.entry.map((entry) => entry.resource.meta.versionId);
  const old = await fhir.vread({ resourceType: "Patient", id: made.id, version: "1" });
  seen.old = old.gender || null;
  const urn = "urn:uuid:0b7ea9f5-5a0c-4b2e-9a4b-8ab1d7f1c001";
  const done = await fhir.transaction({
    body: {
      resourceType: "Bundle", type: "transaction",
      entry: [
        { fullUrl: urn, resource: { resourceType: "Patient", name: [{ family: "Bundle" }] }, request: { method: "POST", url: "Patient" } },
        {
          resource: {
            resourceType: "Observation", status: "final", subject: { reference: urn },
            code: { coding: [{ system: "http://loinc.org", code: "2823-3" }] },
          },
          request: { method: "POST", url: "Observation" },
        },
      ],
    },
  });
  seen.transaction = done.entry.map((entry) => entry.response.status.slice(0, 3));
  const subscription = await fhir.create({
    resourceType: "Subscription",
    body: {
      resourceType: "Subscription", status: "requested", reason: "a test", criteria: "Observation?code=kit",
      channel: { type: "rest-hook", endpoint: `${process.argv[4]}/kit`, payload: "application/fhir+json" },
    },
  });
  seen.subscription = (await fhir.read({ resourceType: "Subscription", id: subscription.id })).status;
  const told = await fhir.create({
    resourceType: "Observation",
    body: { resourceType: "Observation", status: "final", code: { coding: [{ system: "urn:kit", code: "kit" }] } },
  });
  seen.told = told.id;
  await fhir.delete({ resourceType: "Patient", id: made.id });
  seen.gone = await fhir.read({ resourceType: "Patient", id: made.id }).catch((error) => error.response.status);
  console.log(JSON.stringify(seen));
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
