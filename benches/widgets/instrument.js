// Runs in every measured page before anything of the page does; it is the same for all candidates. `BANNER` and `ACCEPT` are the
// selectors of the candidate's first layer and of its accept button.

(() => {
  const seen = (window.__seen = { visible: null, accept: null, shift: 0, events: [], painted: null });

  const inSight = (element) => {
    const box = element?.getBoundingClientRect();
    return Boolean(
      box && box.width > 0 && box.height > 0 &&
      box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth &&
      element.checkVisibility({ opacityProperty: true, visibilityProperty: true }),
    );
  };
  seen.shown = () => [BANNER, ACCEPT].some((selector) => inSight(document.querySelector(selector)));
  // From the first frame on in which there is something of it in sight, the banner is there; one that fades in counts from the
  // first frame in which it is not wholly transparent. When accept can be pressed is noted as well.
  const look = () => {
    if (seen.visible === null && seen.shown()) seen.visible = performance.now();
    if (!inSight(document.querySelector(ACCEPT))) {
      requestAnimationFrame(look);
      return;
    }
    seen.accept = performance.now();
    window.__told("");
  };
  requestAnimationFrame(look);

  const observe = (type, options, take) => {
    new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...options });
  };
  observe("layout-shift", {}, (entry) => {
    if (entry.hadRecentInput) return;
    seen.shift += entry.value;
  });
  // Durations come in steps of 8 ms; below 16 none is told.
  observe("event", { durationThreshold: 16 }, (entry) => {
    if (entry.interactionId) seen.events.push(entry.duration);
  });
  // Without a screen, Chromium learns that a frame was shown when the next one comes. A page at rest makes none, and a press would
  // seem to take until whatever happens next; so while buttons are pressed one pixel changes in each frame.
  seen.tick = () => {
    const pixel = document.body.appendChild(document.createElement("i"));
    pixel.style.cssText = "position:fixed;top:0;left:0;width:1px;height:1px";
    let even = false;
    const next = () => {
      even = !even;
      pixel.style.background = even ? "#fff" : "#eee";
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  };
  // The finer measure: from the press until the frame that follows its handlers has been handed over.
  addEventListener("click", (event) => {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        seen.painted ??= performance.now() - event.timeStamp;
      };
      port2.postMessage(0);
    });
  }, true);
})();
