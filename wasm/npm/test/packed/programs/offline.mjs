// The package alone, which must load without any permission.
import * as mtaSts from "mta-sts";
import { exerciseAll } from "./exercise.mjs";
console.log(exerciseAll(mtaSts));
