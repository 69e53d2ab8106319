import { Client, cacheExchange, fetchExchange } from "@urql/core";
import { createClient } from "graphql-ws";
import { socketUrl } from "./socketUrl";

const keepAliveMs = 10_000;
const pongTimeoutMs = 5_000;

/** graphqlClient asks the questions and makes the changes. The browser's cookie says who we are. */
export const graphqlClient = new Client({
  url: "/graphql",
  exchanges: [cacheExchange, fetchExchange],
  fetchOptions: { credentials: "same-origin" },
  requestPolicy: "cache-and-network",
  preferGetMethod: false,
});

let pongTimer: ReturnType<typeof setTimeout> | undefined;

/**
 * socket carries the subscriptions, all over one connection. It never
 * reconnects by itself: services/live.ts does, because a subscription has to go
 * on from the last revision or offset. A connection that stops answering pings
 * (a laptop that slept, a network that changed) is given up.
 */
export const socket = createClient({
  url: () => socketUrl(window.location),
  lazy: true,
  lazyCloseTimeout: 3_000,
  retryAttempts: 0,
  keepAlive: keepAliveMs,
  on: {
    ping: (received) => {
      if (received) return;
      clearTimeout(pongTimer);
      pongTimer = setTimeout(() => socket.terminate(), pongTimeoutMs);
    },
    pong: (received) => {
      if (received) clearTimeout(pongTimer);
    },
    closed: () => clearTimeout(pongTimer),
  },
});
