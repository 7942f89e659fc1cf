# The image of Confab: runs the sources as they are on Node 24, with its pages built beforehand and nothing else installed.
# Keeps everything in the volume /data; `docker compose up` is the shortest way to it.

FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# The image's own Node is the one that counts: no install script needs to bring another.
RUN npm ci --omit=dev --ignore-scripts

FROM node:24-slim AS pages
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.web.json ./
COPY scripts scripts
COPY schemas schemas
COPY src src
RUN node scripts/build-web.ts --force

FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production CONFAB_PORT=8080 CONFAB_DATA_DIR=/data
COPY --from=dependencies /app/node_modules node_modules
COPY --from=pages /app/dist dist
COPY package.json ./
COPY schemas schemas
COPY actors actors
COPY channels channels
COPY src src
RUN mkdir -p /data /shared && chown node:node /data /shared
USER node
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.CONFAB_PORT + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "src/cli/confab.ts"]
CMD ["serve"]
