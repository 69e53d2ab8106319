/** socketUrl returns the WebSocket address beside a page's address. */
export function socketUrl(page: Pick<Location, "protocol" | "host">): string {
  return `${page.protocol === "https:" ? "wss:" : "ws:"}//${page.host}/graphql`;
}
