// Holds SARIF files against the JSON Schema of SARIF 2.1.0, as Microsoft's
// jest-sarif ships it: OASIS's own but for a few words about types and regions.
//
// usage: node sarif.mjs FILE.sarif...
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(`${process.cwd()}/`);
const Ajv = createRequire(require.resolve("@microsoft/jest-sarif/package.json"))("ajv");
const ajv = new Ajv({ schemaId: "auto", allErrors: true, format: "full" });
ajv.addMetaSchema(require("ajv/lib/refs/json-schema-draft-04.json"));
const valid = ajv.compile(require("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"));

for (const file of process.argv.slice(2)) {
  const log = JSON.parse(readFileSync(file, "utf8"));
  if (!valid(log)) {
    console.error(`${file}: ${ajv.errorsText(valid.errors.slice(0, 20), { separator: "\n  " })}`);
    process.exitCode = 1;
    continue;
  }
  // A schema that takes anything would take this, too.
  if (valid({ ...log, runs: [{ ...log.runs[0], tool: {} }] })) throw new Error("the schema checks nothing");
  console.log(`${file}: valid SARIF, ${log.runs[0].results.length} results`);
}
