// Holds a CSAF export against the schema and the mandatory tests of the standard: exports.mjs FILE. Ends with 77 where the
// validator does not lie under NODE_PATH, with 1 and what is wrong where the file is not valid.
import { readFileSync } from "node:fs";

const MISSING = 77;
const library = `${process.env.NODE_PATH}/@secvisogram/csaf-validator-lib`;
let validate;
let tests;
try {
  validate = (await import(`${library}/validate.js`)).default;
  const schema = await import(`${library}/schemaTests.js`);
  const mandatory = await import(`${library}/mandatoryTests.js`);
  tests = [schema.csaf_2_0_strict, ...Object.values(mandatory)];
} catch (error) {
  console.log(error.message);
  process.exit(MISSING);
}
const document = JSON.parse(readFileSync(process.argv[2], "utf8"));
const result = await validate(tests, document);
for (const test of result.tests.filter((test) => !test.isValid)) {
  console.log(`${test.name}: ${JSON.stringify(test.errors.slice(0, 3))}`);
}
process.exit(result.isValid ? 0 : 1);
