import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // With SCREENSHOTS the pictures of the documentation are taken into that folder instead.
    include: process.env["SCREENSHOTS"] ? ["e2e/pictures.ts"] : ["e2e/**/*.test.ts"],
    fileParallelism: false,
    testTimeout: 180_000,
    hookTimeout: 60_000,
  },
});
