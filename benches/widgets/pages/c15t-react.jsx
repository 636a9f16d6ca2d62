// c15t's banner for React, in a page that needs no React otherwise.

import { ConsentBanner, ConsentDialog, ConsentManagerProvider } from "@c15t/react";
import { createRoot } from "react-dom/client";
import "@c15t/react/styles.css";

const options = {
  mode: "offline",
  consentCategories: ["necessary", "measurement"],
  scripts: [{ id: "measuring", src: "/gated.js", category: "measurement" }],
};

const place = document.body.appendChild(document.createElement("div"));
createRoot(place).render(
  <ConsentManagerProvider options={options}>
    <ConsentBanner />
    <ConsentDialog />
  </ConsentManagerProvider>,
);
