performance.mark("gated");
