/** Asks the API. Resolves to the answer with how the cache took part; rejects with words for people. */
export async function ask(path, options = {}) {
  const startedAt = performance.now();
  let response;
  try {
    response = await fetch(path, {
      ...options,
      headers: options.body ? { "content-type": "application/json" } : {},
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The demo does not answer. Is it still running?");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok)
    throw Object.assign(new Error(describeProblem(body, response.status)), { code: body.code });
  return {
    data: body.data,
    meta: body.meta,
    cache: response.headers.get("x-cache"),
    serverMs: Number(/dur=([\d.]+)/.exec(response.headers.get("server-timing") ?? "")?.[1] ?? Number.NaN),
    totalMs: performance.now() - startedAt,
  };
}

function describeProblem(problem, status) {
  const fields = (problem.errors ?? []).map(({ path, message }) => `${path}: ${message}`).join("; ");
  return fields || problem.detail || problem.title || `The server answered ${status}`;
}
