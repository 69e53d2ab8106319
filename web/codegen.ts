import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../schema.graphqls",
  documents: ["src/**/*.{ts,tsx}", "!src/gql/**", "!src/**/*.test.ts"],
  generates: {
    "src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        strictScalars: true,
        useTypeImports: true,
        enumsAsTypes: true,
        scalars: {
          DateTime: "string",
          Int64: "number",
          JSON: "unknown",
        },
      },
    },
  },
};

export default config;
