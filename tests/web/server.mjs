// The server of these tests: with a second model, `other`, that is loaded by its first request.
import { fileOf, model, root, serveModel } from '../support/server.mjs';

export { model, root, serveModel };

export const serve = (...options) => serveModel(model, '--model', `other=${fileOf(model)}`, '--threads', '1', ...options);
