// Before each test file. The files of a worker share what comes from other packages, which takes the longest to load; modules of this repository
// are each file's own, since the composition root is made while it is imported.

import { vi } from "vitest";

vi.resetModules();
