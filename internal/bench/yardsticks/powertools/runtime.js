// What Lambda's managed Node.js runtime does around a handler: AWS's own client of the Runtime API (npm aws-lambda-ric) has to
// be compiled with CMake and autotools. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
const http = require('node:http');
const { handler } = require('./handler.js');

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const invocation = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

const request = (method, url, body) =>
  new Promise((resolve, reject) => {
    const sent = http.request(url, { method, agent }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });

const run = async () => {
  for (;;) {
    const { headers, body } = await request('GET', `${invocation}/next`);
    const awsRequestId = headers['lambda-runtime-aws-request-id'];
    const deadline = Number(headers['lambda-runtime-deadline-ms']);
    const context = { awsRequestId, getRemainingTimeInMillis: () => deadline - Date.now() };
    try {
      const response = await handler(JSON.parse(body), context);
      await request('POST', `${invocation}/${awsRequestId}/response`, JSON.stringify(response));
    } catch (error) {
      const failure = { errorType: error.name, errorMessage: error.message };
      await request('POST', `${invocation}/${awsRequestId}/error`, JSON.stringify(failure));
    }
  }
};

run();
