import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import globals from "globals";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores([".venv", ".bench", "dist", "src/callmesh/page/dist", "src/callmesh/apps/whiteboard"]),
  js.configs.recommended,
  {
    files: ["web/**/*.{ts,tsx}", "benchmarks/**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      eqeqeq: "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
    },
  },
  {
    files: ["web/*/tests/**"],
    rules: {
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/require-await": "off", // a fake of something async
    },
  },
  { files: ["*.js", "tools/*.js", "web/*/*.js", "src/callmesh/templates/built/*.js", "benchmarks/peers/*.mjs"], languageOptions: { globals: globals.node } },
  { files: ["src/callmesh/{apps,templates/plain}/**/*.js", "benchmarks/*.js", "benchmarks/monitor/*.js"], languageOptions: { globals: globals.browser } },
);
