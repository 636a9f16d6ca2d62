// A script of the site's own, which stores what the catalogue says of it: the demo writes that into the brackets.
for (const { kind, name, seconds } of []) {
  if (kind === "cookie") document.cookie = `${name}=script; Path=/; SameSite=Lax${seconds ? `; Max-Age=${seconds}` : ""}`;
  else window[`${kind}Storage`].setItem(name, "script");
}
