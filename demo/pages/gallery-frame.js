// Brings a frame into the state that it is to show, by what a page or a visitor would do.

const { avow } = window;

const states = {
  second: () => avow.open(),
  // Whoever refused has the control, and the placeholder in its full size.
  refused: () => avow.withdraw(),
};

// Each language by its own name.
for (const option of document.querySelectorAll("option")) {
  const tag = option.lang;
  option.value = tag;
  option.textContent = `${tag} · ${new Intl.DisplayNames([tag], { type: "language" }).of(tag)}`;
}

await avow.ready;
await states[document.body.dataset.state]?.();
parent.postMessage("shown", "*");
