// SPDX-License-Identifier: Apache-2.0
// The description of the API, read once.
import { get } from "./api.js";

let document_ = null;

/** Return the document of /v1/openapi.json. */
export function openapi() {
  document_ ??= get("/v1/openapi.json").catch((error) => {
    document_ = null;
    throw error;
  });
  return document_;
}

/** Return a schema without its references. */
export function resolve(document, schema) {
  while (schema?.$ref) schema = schema.$ref.slice(2).split("/").reduce((value, name) => value?.[name], document);
  return schema || {};
}
