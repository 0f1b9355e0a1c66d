// Type-checked rules for all code, and the import borders of the tree (docs/architecture.md) as rules.
import tseslint from 'typescript-eslint';

const forbid = (...patterns) => ['error', { patterns }];
const bullmq = {
  group: ['bullmq', 'bullmq/*'],
  message: 'bullmq is imported in libs/inference/src/queue/jobs/ alone.',
};
const ort = { group: ['onnxruntime-node'], message: 'onnxruntime-node is imported in engine/session.ts alone.' };
const sharp = { group: ['sharp'], message: 'sharp is imported in engine/image/decode.ts alone.' };
const tokenizers = {
  group: ['@huggingface/*'],
  message: '@huggingface/tokenizers is imported in engine/text/tokenizer.ts alone.',
};
const ioredis = { group: ['ioredis'], message: 'ioredis is imported in libs/inference/src/queue/ alone.' };
const nest = { group: ['@nestjs/*', 'fastify', '@fastify/*'], message: 'Behaviour knows no transport.' };
const engine = {
  group: ['#engine', '**/engine/**'],
  message: 'The second door is for executors: nothing else loads native code.',
};
const apps = { group: ['**/apps/**'], message: 'Nobody imports an app but the command line and the tests.' };
const transport = {
  group: ['**/queue/**', '**/apps/**', 'node:http', 'node:https', 'node:net'],
  message: 'The engine touches neither Redis nor the network.',
};
const native = {
  group: ['node:*', '**/decode.js', '**/package.js', '**/session.js', '**/run-client.js'],
  message: 'This file runs in web pages too (engine/browser.ts).',
};
const noNodeGlobals = ['Buffer', 'process', 'setImmediate', '__dirname'].map((name) => ({
  name,
  message: native.message,
}));

// Three parameters, or a named object; five dependencies of a class, or it has two concerns.
const parameters = (message, ...selectors) => selectors.map((selector) => ({ selector, message }));
const tooManyParameters = [
  ...parameters(
    'More than three parameters become a named object.',
    'FunctionDeclaration[params.length>3]',
    'ArrowFunctionExpression[params.length>3]',
    'MethodDefinition[kind!="constructor"] > FunctionExpression[params.length>3]',
  ),
  ...parameters(
    'At most five constructor dependencies.',
    'MethodDefinition[kind="constructor"] > FunctionExpression[params.length>5]',
  ),
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', '.sluice/', 'coverage/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      'max-lines': ['error', 300],
      'no-restricted-syntax': ['error', ...tooManyParameters],
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'Settings are read in libs/inference/src/config.ts alone.' },
      ],
      eqeqeq: 'error',
      'no-warning-comments': 'error',
      '@typescript-eslint/no-extraneous-class': ['error', { allowWithDecorator: true, allowStaticOnly: true }],
      // A non-null assertion is the author's word that an index was checked; noUncheckedIndexedAccess makes every such word visible.
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowNullish: true }],
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { inheritedMethods: true } }],
      // Nest and ioredis take plain objects where their types name a class of options.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/only-throw-error': 'off',
    },
  },
  {
    files: ['apps/gateway/**/*.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, sharp, tokenizers, ioredis, engine) },
  },
  {
    files: ['apps/worker/**/*.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, sharp, tokenizers, ioredis, engine) },
  },
  {
    files: ['libs/inference/src/**/*.ts'],
    ignores: ['libs/inference/src/{engine,queue,telemetry,contract}/**'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, sharp, tokenizers, ioredis, nest, apps) },
  },
  {
    files: ['libs/inference/src/verification/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, sharp, tokenizers, ioredis, nest, apps, engine) },
  },
  {
    files: ['libs/inference/src/queue/**/*.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, sharp, tokenizers, nest, apps, engine) },
  },
  {
    files: ['libs/inference/src/queue/jobs/*.ts'],
    rules: { 'no-restricted-imports': forbid(ort, sharp, tokenizers, nest, apps, engine) },
  },
  {
    files: ['libs/inference/src/contract/**/*.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, sharp, tokenizers, ioredis, nest, apps, engine) },
  },
  {
    files: ['libs/inference/src/engine/**/*.ts'],
    ignores: ['libs/inference/src/engine/{session,image/decode,text/tokenizer}.ts', '**/*.spec.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, sharp, tokenizers, ioredis, nest, transport) },
  },
  {
    files: ['libs/inference/src/packages/**/*.ts'],
    ignores: ['**/*.spec.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, sharp, tokenizers, ioredis, nest, apps, engine, transport) },
  },
  {
    files: ['libs/inference/src/engine/session.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, sharp, tokenizers, ioredis, nest, transport) },
  },
  {
    files: ['libs/inference/src/engine/image/decode.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, tokenizers, ioredis, nest, transport) },
  },
  {
    files: ['libs/inference/src/engine/text/tokenizer.ts'],
    rules: { 'no-restricted-imports': forbid(bullmq, ort, sharp, ioredis, nest, transport) },
  },
  {
    files: [
      'libs/inference/src/engine/{browser,value-spec}.ts',
      'libs/inference/src/packages/{labels,manifest,manifest/*}.ts',
      'libs/inference/src/engine/image/{filter,geometry,kernel,passes,pixels,place,resample,to-tensor,wasm}.ts',
      'libs/inference/src/engine/tasks/{check-tensors,classifier,scores,picture/picture-form,picture/picture-input}.ts',
    ],
    rules: {
      'no-restricted-imports': forbid(bullmq, ort, sharp, tokenizers, ioredis, nest, transport, native),
      'no-restricted-globals': ['error', ...noNodeGlobals],
    },
  },
  {
    files: ['libs/inference/src/config.ts', 'test/**/*.ts', '**/*.spec.ts'],
    rules: { 'no-restricted-properties': 'off' },
  },
  {
    files: ['**/*.spec.ts', 'test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
    },
  },
);
