// The trader's view.

/** Shows it. */
export function startTrade() {}
