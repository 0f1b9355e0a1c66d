# One image for gateway and worker; docker-compose.yml says which of the two a container is.

FROM node:24-bookworm-slim AS build
WORKDIR /app
# Before the sources, so that a change of code does not install again.
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY .swcrc ./
COPY apps apps
COPY libs libs
COPY tools/bench tools/bench
COPY tools/drill tools/drill
RUN npm run build

FROM node:24-bookworm-slim AS production
WORKDIR /app
# .npmrc and "allowScripts" go along: without them onnxruntime-node would download CUDA libraries while installing.
COPY package.json package-lock.json .npmrc ./
# onnxruntime-node carries every system's binaries and sharp a second C library's, and typescript comes along as
# somebody's optional peer: only what this image loads is kept.
RUN npm ci --omit=dev \
  && ARCH="$(node -p process.arch)" \
  && find node_modules/onnxruntime-node/bin/napi-v* -mindepth 1 -maxdepth 1 ! -name linux -exec rm -r {} + \
  && find node_modules/onnxruntime-node/bin/napi-v*/linux -mindepth 1 -maxdepth 1 ! -name "$ARCH" -exec rm -r {} + \
  && rm -rf node_modules/@img/sharp-*linuxmusl-* node_modules/typescript \
  && find node_modules -name '*.map' -type f -delete

FROM node:24-bookworm-slim
# onnxruntime reports its use to its maker unless told not to before it starts.
ENV NODE_ENV=production ORT_DISABLE_TELEMETRY=1
# One helper for V8's collector a process, and not four (libs/inference/src/heap.ts).
ENV NODE_OPTIONS=--v8-pool-size=1
WORKDIR /app
COPY --from=production /app/node_modules node_modules
# package.json holds the "imports" map, by which the built files find each other.
COPY package.json ./
COPY --from=build /app/dist/libs dist/libs
COPY --from=build /app/dist/apps dist/apps
COPY models models
# Where a volume for registered packages is mounted; a new volume takes the folder's owner.
RUN mkdir /store && chown node /store
# Everything above belongs to root: the processes can read it and change none of it.
USER node
EXPOSE 8080 8081
# Exec form: node is process 1, gets SIGTERM itself and drains; a shell between would swallow it.
CMD ["node", "dist/apps/gateway/src/main.js"]
