// The widget for programs that import it: the same object as `window.avow`, which the loader in the page's head has put there.
const { avow } = window;
if (!avow) throw new Error("avow: the loader is not on this page; its tag belongs first in the head");
export default avow;
export const { ready, consent, may, decide, grant, withdraw, open, on } = avow;
