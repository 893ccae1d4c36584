"use strict";
const mtaSts = require("mta-sts");
const { name } = require("mta-sts/package.json");

import("./exercise.mjs").then(({ exerciseAll }) => console.log(`${exerciseAll(mtaSts)}, require of ${name}`));
