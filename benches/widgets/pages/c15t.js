// c15t's core draws nothing: this is the least that a site would write around it.

import { getOrCreateConsentRuntime } from "c15t";

const { consentStore } = getOrCreateConsentRuntime({
  mode: "offline",
  consentCategories: ["necessary", "measurement"],
  scripts: [{ id: "measuring", src: "/gated.js", category: "measurement" }],
});

const banner = document.createElement("div");
banner.id = "banner";
banner.hidden = true;
banner.setAttribute("role", "region");
banner.setAttribute("aria-label", "Your privacy");
banner.style.cssText = "position:fixed;inset:auto 0 0;padding:1rem;background:#fff;color:#222";
const button = (words, choice) => {
  const element = document.createElement("button");
  element.id = choice;
  element.textContent = words;
  element.addEventListener("click", () => consentStore.getState().saveConsents(choice));
  return element;
};
banner.append("We would like to see how this site is used. ", button("Accept", "all"), button("Reject", "necessary"));
document.body.append(banner);

const show = (state) => {
  banner.hidden = state.activeUI !== "banner";
};
consentStore.subscribe(show);
show(consentStore.getState());
