// Makes each call of Segment's Node SDK once: `node_calls.cjs SDK_FOLDER HOST KEY`.
const [folder, host, writeKey] = process.argv.slice(2);
const { Analytics } = require(require.resolve("@segment/analytics-node", { paths: [folder] }));

const analytics = new Analytics({ writeKey, host, maxRetries: 1 });
analytics.on("error", (error) => { console.error(error); process.exitCode = 1; });

analytics.track({ anonymousId: "visitor-1", event: "Visited" });
analytics.identify({ userId: "user-1", anonymousId: "visitor-1", traits: { email: "ada@acme.example", seats: 3 } });
analytics.track({ userId: "user-1", event: "Report Viewed", properties: { pages: 12, ratio: NaN } });
analytics.page({ userId: "user-1", category: "Docs", name: "Pricing", properties: { path: "/pricing" } });
analytics.screen({ userId: "user-1", name: "Home", properties: { tab: 1 } });
analytics.group({ userId: "user-1", groupId: 42, traits: { name: "Acme", employees: 10 } });
analytics.alias({ previousId: "user-1", userId: "user-2" });
analytics.closeAndFlush();
