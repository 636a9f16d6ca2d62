// @janssenproject/cedarling_wasm, without a network: a policy store as inline JSON, no log, no tokens, `authorize_unsigned`.
// It builds principal and resource from each request and cannot be told their parents, so its rules are flat: the role and the
// folder are attributes. Its requests are JSON text; that is prepared beforehand.

import { readFileSync } from "node:fs";
import { init, initSync } from "@janssenproject/cedarling_wasm";
import { serve } from "./serve.mjs";

const cedar = (body) => ({ encoding: "none", content_type: "cedar", body });

await serve(async ({ flatSchema, flatRules, requests }) => {
  const wasm = new URL("./node_modules/@janssenproject/cedarling_wasm/cedarling_wasm_bg.wasm", import.meta.url);
  initSync({ module: readFileSync(wasm) });
  const policies = {};
  for (const { id, text } of flatRules) {
    const creation_date = "2026-01-01T00:00:00Z";
    policies[id] = { description: id, creation_date, policy_content: cedar(text) };
  }
  const bench = { name: "bench", description: "", policies, schema: cedar(flatSchema), trusted_issuers: {} };
  const cedarling = await init({
    CEDARLING_APPLICATION_NAME: "bench",
    CEDARLING_POLICY_STORE_ID: "bench",
    CEDARLING_POLICY_STORE_LOCAL: JSON.stringify({ cedar_version: "v4.0.0", policy_stores: { bench } }),
    CEDARLING_LOG_TYPE: "off",
    CEDARLING_JWT_SIG_VALIDATION: "disabled",
    CEDARLING_JWT_STATUS_VALIDATION: "disabled",
  });
  return requests.map(({ principal, action, resource, context, entities }) => {
    const entity = ({ type, id }, name) => {
      const { attrs, parents } = entities.find(({ uid }) => uid.type === type && uid.id === id);
      const mapping = { cedar_entity_mapping: { entity_type: type, id } };
      return { ...mapping, ...attrs, [name]: parents[0].id };
    };
    const request = JSON.stringify({
      principal: entity(principal, "role"),
      action: `Action::"${action.id}"`,
      resource: entity(resource, "folder"),
      context,
    });
    return async () => {
      const result = await cedarling.authorize_unsigned(request);
      const { decision } = result;
      result.free();
      return decision;
    };
  });
});
