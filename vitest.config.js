import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["web/*/tests/**/*.test.{ts,tsx}"],
    environment: "node",
    testTimeout: 20_000,
    slowTestThreshold: 300,
  },
});
