import { describe, expect, it } from "vitest";
import { keyTemplates, templateFromSegments } from "./key-templates.ts";

describe("templateFromSegments", () => {
  it.each([
    ["companies:42", "companies:{id}"],
    ["companies:list:page:1", "companies:list:page:{id}"],
    ["companies:8f14e45f-ceea:deals-summary", "companies:{id}:deals-summary"],
    ["companies:industries", "companies:industries"],
    ["companies::x", "companies:{id}:x"],
    ["users:*", "users:{id}"],
    ["42:companies", undefined],
    [":", undefined],
    ["", undefined],
    ["a:b:c:d:e:f:g:h", "a:b:c:d:e:f:g:h"],
    ["a:b:c:d:e:f:g:h:i", undefined],
    [`companies:${"a".repeat(33)}`, "companies:{id}"],
  ])("%j is %j", (key, template) => {
    expect(templateFromSegments(key)).toBe(template);
  });
});

describe("keyTemplates", () => {
  const find = keyTemplates([
    "companies:{id}",
    "companies:{id}:deals-summary",
    "companies:list:*",
    "companies:list:all",
    "companies:industries",
    "{tenant}:settings",
    "files:*",
  ]);

  it.each([
    ["companies:konex", "companies:{id}"],
    ["companies:konex:deals-summary", "companies:{id}:deals-summary"],
    ["companies:konex:unheard-of", undefined],
    ["companies:list:1:20", "companies:list:*"],
    ["companies:list:all", "companies:list:all"],
    ["companies:list", "companies:{id}"],
    ["companies:list:deals-summary", "companies:list:*"],
    ["companies:industries", "companies:industries"],
    ["companies", undefined],
    ["acme:settings", "{tenant}:settings"],
    ["companies:settings", "companies:{id}"],
    ["files", undefined],
    ["files:a:b:c:d:e", "files:*"],
    ["__proto__:x", undefined],
    ["", undefined],
  ])("%j is %j", (key, template) => {
    expect(find(key)).toBe(template);
  });

  it.each([
    [["companies:{id}:"]],
    [["*"]],
    [["companies:*:x"]],
    [["companies:{}"]],
    [["companies:a*"]],
    [["companies:{id"]],
    [[42]],
    ["companies:{id}:{"],
    [[`a:${"b".repeat(200)}`]],
  ])("refuses %j", (templates) => {
    expect(() => keyTemplates(templates as string[])).toThrow(
      expect.objectContaining({ code: "INVALID_OPTION" }),
    );
  });
});
