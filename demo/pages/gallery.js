// The frames' size, and where the focus is: a frame that opens its second layer would else draw the page to itself.

const frames = document.querySelectorAll(".gallery iframe");

document.querySelector("#width").addEventListener("change", ({ target }) => {
  for (const room of document.querySelectorAll(".galleries")) room.className = `galleries ${target.value}`;
});

let last = document.body;
addEventListener("focusin", ({ target }) => {
  if (target.localName !== "iframe") last = target;
});
addEventListener("message", ({ source, data }) => {
  const frame = [...frames].find((one) => one.contentWindow === source);
  if (!frame || data !== "shown") return;
  frame.dataset.shown = "";
  if (document.activeElement !== frame) return;
  frame.blur();
  last.focus({ preventScroll: true });
});
