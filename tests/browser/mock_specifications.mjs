// Serves specifications of OpenAPI by Prism, all of them in one process, until its input ends.
// Usage: node mock_specifications.mjs FILE…; each line that it prints is the address of the next of them.
import { createRequire } from "node:module";

const require = createRequire(createRequire(import.meta.url).resolve("@stoplight/prism-cli/package.json"));

// Prism makes up values in English only, and most of its start was to load the words of all other languages.
const faker = require.resolve("@faker-js/faker");
require.cache[faker] = { id: faker, filename: faker, loaded: true, exports: { default: require("@faker-js/faker/locale/en") } };

const { createLogger } = require("@stoplight/prism-core");
const { getHttpOperationsFromSpec } = require("@stoplight/prism-http");
const { createServer } = require("@stoplight/prism-http-server");
const RefParser = require("@stoplight/json-schema-ref-parser");

// As `prism mock` has it, but that it would hold its own samples against their schemas, too, of which it tells in a header
// that nobody reads.
const config = {
  isProxy: false,
  validateRequest: true,
  validateResponse: false,
  checkSecurity: true,
  errors: false,
  mock: { dynamic: false, ignoreExamples: false },
};

for (const file of process.argv.slice(2)) {
  // Once every reference is what it refers to, nothing needs the list of them, and Prism need not walk through it.
  const { components, ...document } = await new RefParser().dereference(file);
  document.components = { securitySchemes: components.securitySchemes };
  const operations = await getHttpOperationsFromSpec(document);
  const logger = createLogger("mock", { level: "silent" });
  const server = createServer(operations, { cors: true, config, components: { logger } });
  console.log(await server.listen(0, "127.0.0.1"));
}
process.stdin.resume().on("end", () => process.exit());
