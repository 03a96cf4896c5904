// Not yet: nothing is implemented, so nothing is exported. README.md says what will be here and what to use until then.
export {};
