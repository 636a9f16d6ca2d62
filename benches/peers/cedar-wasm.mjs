// @cedar-policy/cedar-wasm, its fastest way: policies parsed beforehand, `statefulIsAuthorized`. It takes entities with each
// call; it gets those that the request is about and their parents, no more.

import { preparsePolicySet, statefulIsAuthorized } from "@cedar-policy/cedar-wasm/nodejs";
import { serve } from "./serve.mjs";

await serve(({ policies, requests }) => {
  const parsed = preparsePolicySet("bench", { staticPolicies: policies });
  if (parsed.type !== "success") throw new Error(JSON.stringify(parsed.errors));
  return requests.map((request) => {
    const call = { ...request, preparsedPolicySetId: "bench", validateRequest: false };
    const ask = () => {
      const answer = statefulIsAuthorized(call);
      if (answer.type !== "success") throw new Error(JSON.stringify(answer.errors));
      return answer.response.decision === "allow";
    };
    return ask;
  });
});
