// The loader stands in the page's head; `window.avow` is there before any component is.
import { useSyncExternalStore } from "react";

const subscribe = (changed) => {
  // The first answer of the rules is no choice, so `ready` is waited for as well.
  window.avow.ready.then(changed);
  return window.avow.on("choice", changed);
};

/** Whether a service may be loaded now. On a server nothing may: there is no visitor. */
export const useMay = (service) =>
  useSyncExternalStore(subscribe, () => window.avow.may(service), () => false);

/** Its own element around the frame, because the widget puts a placeholder beside it, of which React does not know. */
export const Video = ({ id, title }) => (
  <div className="video">
    <iframe title={title} data-service="youtube" data-src={`https://www.youtube-nocookie.com/embed/${id}`} allowFullScreen />
  </div>
);

export const Counted = () => (
  <p>
    {useMay("counter") ? "Visits are counted." : "Visits are not counted."}{" "}
    <button type="button" data-avow-open="">Privacy choices</button>
  </p>
);
