// A yardstick of the benchmark: the same job with AWS's Powertools, as their documentation shows the batch processor.
// https://docs.aws.amazon.com/powertools/typescript/latest/features/batch/
import { BatchProcessor, EventType, processPartialResponse } from '@aws-lambda-powertools/batch';
import { BatchSuspendUserCommand, ChimeClient } from '@aws-sdk/client-chime';
import type { SQSHandler, SQSRecord } from 'aws-lambda';

interface SuspensionRequest {
  accountId: string;
  userId: string;
  correlationId?: string;
}

const chime = new ChimeClient();
const processor = new BatchProcessor(EventType.SQS);

const suspend = async (record: SQSRecord): Promise<void> => {
  const { accountId, userId, correlationId }: SuspensionRequest = JSON.parse(record.body);
  const { UserErrors: errors } = await chime.send(
    new BatchSuspendUserCommand({ AccountId: accountId, UserIdList: [userId] }),
  );
  if (errors?.length) {
    throw new Error(`suspending the user: ${errors[0].ErrorCode}: ${errors[0].ErrorMessage}`);
  }
  const { messageId } = record;
  console.log(JSON.stringify({ message: 'user suspended', accountId, userId, messageId, outcome: 'suspended', correlationId }));
};

export const handler: SQSHandler = async (event, context) =>
  processPartialResponse(event, suspend, processor, { context });
