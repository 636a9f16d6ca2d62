// This frame shows what a visitor sees whose browser sends Global Privacy Control. Most browsers do not, so it is said here.
Object.defineProperty(Navigator.prototype, "globalPrivacyControl", { get: () => true, configurable: true });
