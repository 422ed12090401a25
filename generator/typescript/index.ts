/** All that uses ts-morph. It is heavy, and TypeScript 7 has no such interface: nothing outside this folder may know it. */
export { Checker, type CheckedType, type CheckerAnswer } from "./checker.js";
export type { FieldDocs } from "./field-docs.js";
export { readSource, type SourceActor, type SourceExport, type SourceFile } from "./source.js";
export { insertStubs, type StubEdit, type StubRequest } from "./stub-editor.js";
