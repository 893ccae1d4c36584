// A Worker; services lead it to the lab, since its own fetch knows neither the lab's names nor its CA.
import * as mtaSts from "mta-sts";
import doh from "mta-sts/transports/doh";
import policyFetch from "mta-sts/transports/fetch";
import { exerciseAll, lookUp } from "./exercise.mjs";

export default {
  async fetch(request, env) {
    try {
      const did = exerciseAll(mtaSts);
      const transports = (domain) => [
        doh({ resolvers: "https://doh.example/dns-query", fetch: (url, init) => env.DOH.fetch(url, init) }),
        policyFetch({ fetch: (url, init) => env[domain].fetch(url, init) }),
      ];
      // Why a connection failed is hidden here.
      const looked = await lookUp(mtaSts, env.LAB, transports, { blind: ["expired-cert.test"] });
      return Response.json({ did: `${did}, ${looked} by DoH and fetch`, agent: navigator.userAgent });
    } catch (error) {
      return Response.json({ failed: `${error.stack}` });
    }
  },
};
