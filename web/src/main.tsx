import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Provider } from "urql";
import { applyTheme } from "./hooks/useTheme";
import { router } from "./router";
import { graphqlClient } from "./services/client";
import "./styles/base.css";
import "./styles/tones.css";

applyTheme();

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root");
createRoot(root).render(
  <StrictMode>
    <Provider value={graphqlClient}>
      <RouterProvider router={router} />
    </Provider>
  </StrictMode>,
);
