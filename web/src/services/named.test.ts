import { expect, test } from "vitest";
import { missingCommands } from "./named";

test("what is not set is told by the command that sets it", () => {
  expect(
    missingCommands({
      vars: [
        { name: "BUCKET", isSet: false },
        { name: "URL", isSet: true },
      ],
      secrets: [
        { name: "KEY", isSet: true },
        { name: "TOKEN", isSet: false },
      ],
    }),
  ).toEqual(["miniairflow vars set BUCKET VALUE", "miniairflow secrets set TOKEN"]);
  expect(missingCommands({ vars: [{ name: "URL", isSet: true }], secrets: [] })).toEqual([]);
});
